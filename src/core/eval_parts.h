/* SPDX-License-Identifier: ISC */
#ifndef EVAL_PARTS_H
#define EVAL_PARTS_H

#endif
