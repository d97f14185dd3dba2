/* SPDX-License-Identifier: ISC */
#ifndef REPORT_H
#define REPORT_H

#endif
