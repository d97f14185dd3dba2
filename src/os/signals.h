/* SPDX-License-Identifier: ISC */
#ifndef SIGNALS_H
#define SIGNALS_H

#endif
