/* SPDX-License-Identifier: ISC */
#ifndef CLOCK_H
#define CLOCK_H

#endif
