/* SPDX-License-Identifier: ISC */
#ifndef RENDER_H
#define RENDER_H

#endif
