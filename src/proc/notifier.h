/* SPDX-License-Identifier: ISC */
#ifndef NOTIFIER_H
#define NOTIFIER_H

#endif
