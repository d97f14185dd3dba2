/* SPDX-License-Identifier: ISC */
#ifndef DIALOGUE_H
#define DIALOGUE_H

#endif
