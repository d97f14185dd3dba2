/* SPDX-License-Identifier: ISC */
#ifndef SPAWN_H
#define SPAWN_H

#endif
