/* SPDX-License-Identifier: ISC */
#ifndef MAILER_H
#define MAILER_H

#endif
