/* SPDX-License-Identifier: ISC */
#ifndef MXWATCH_H
#define MXWATCH_H

#endif
