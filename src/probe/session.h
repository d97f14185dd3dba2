/* SPDX-License-Identifier: ISC */
#ifndef SESSION_H
#define SESSION_H

#endif
