/* SPDX-License-Identifier: ISC */
#ifndef SWEEP_H
#define SWEEP_H

#endif
