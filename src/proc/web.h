/* SPDX-License-Identifier: ISC */
#ifndef WEB_H
#define WEB_H

#endif
