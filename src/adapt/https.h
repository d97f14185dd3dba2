/* SPDX-License-Identifier: ISC */
#ifndef HTTPS_H
#define HTTPS_H

#endif
