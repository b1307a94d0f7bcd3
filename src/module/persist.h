/* SPDX-License-Identifier: BSD-3-Clause */
/* Values in dumps (RDB): docs/format/rdb.md. RedisAI's encodings 0 to 4 are read, tensors and scripts
 * written as its 4, models as our 5, which adds their options. */
#ifndef WR_MODULE_PERSIST_H
#define WR_MODULE_PERSIST_H

#include "module/module.h"

enum { PERSIST_TENSOR = 4, PERSIST_MODEL = 5, PERSIST_SCRIPT = 5 };

void *persist_load_tensor(host_io *io, int encoding);
void persist_save_tensor(host_io *io, void *value);
void *persist_load_model(host_io *io, int encoding);
void persist_save_model(host_io *io, void *value);
void *persist_load_script(host_io *io, int encoding);
void persist_save_script(host_io *io, void *value);

#endif
