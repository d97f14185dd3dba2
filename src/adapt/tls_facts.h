/* SPDX-License-Identifier: ISC */
#ifndef TLS_FACTS_H
#define TLS_FACTS_H

#endif
