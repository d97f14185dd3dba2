/* SPDX-License-Identifier: ISC */
#ifndef PRIVATE_RESOLVER_H
#define PRIVATE_RESOLVER_H

#endif
