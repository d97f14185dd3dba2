/* SPDX-License-Identifier: ISC */
#ifndef PLAN_H
#define PLAN_H

#endif
