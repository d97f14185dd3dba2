/* SPDX-License-Identifier: ISC */
#ifndef HOOK_H
#define HOOK_H

#endif
