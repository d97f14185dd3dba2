/* SPDX-License-Identifier: ISC */
#ifndef PROBER_H
#define PROBER_H

#endif
