/* SPDX-License-Identifier: ISC */
#ifndef STORE_H
#define STORE_H

#endif
