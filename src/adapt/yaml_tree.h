/* SPDX-License-Identifier: ISC */
#ifndef YAML_TREE_H
#define YAML_TREE_H

#endif
