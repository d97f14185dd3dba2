/* SPDX-License-Identifier: ISC */
#ifndef IDN_H
#define IDN_H

#endif
