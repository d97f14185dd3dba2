/* SPDX-License-Identifier: ISC */
#ifndef PRIVDROP_H
#define PRIVDROP_H

#endif
