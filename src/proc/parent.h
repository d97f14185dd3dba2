/* SPDX-License-Identifier: ISC */
#ifndef PARENT_H
#define PARENT_H

#endif
