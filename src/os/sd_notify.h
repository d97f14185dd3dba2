/* SPDX-License-Identifier: ISC */
#ifndef SD_NOTIFY_H
#define SD_NOTIFY_H

#endif
