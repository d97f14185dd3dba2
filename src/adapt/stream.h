/* SPDX-License-Identifier: ISC */
#ifndef STREAM_H
#define STREAM_H

#endif
