/* SPDX-License-Identifier: ISC */
#ifndef REPLY_H
#define REPLY_H

#endif
