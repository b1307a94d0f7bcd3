/* SPDX-License-Identifier: BSD-3-Clause */
/* Access control of keys. The server checks what a command tells as its keys; the models of WEIR.RUN and
 * WEIR.PIPELINE are not among those, since a cluster has them on every shard, and are asked for here. */
#include "module/access.h"

#include "module/script_calls.h"
#include "service/pipeline.h"

/* Writing alone gives away nothing of what was there, so it needs no right to read. */
static int flags_of(bool reads, bool writes)
{
    return !writes ? HOST_ACCESS_RO | HOST_ACCESS_ACCESS
           : reads ? HOST_ACCESS_RW | HOST_ACCESS_ACCESS | HOST_ACCESS_UPDATE
                   : HOST_ACCESS_OW | HOST_ACCESS_UPDATE;
}

void access_tell_key(host_ctx *ctx, size_t i_word, bool reads, bool writes)
{
    int flags = flags_of(reads, writes);
    if (host.KeyAtPosWithFlags != NULL)
        host.KeyAtPosWithFlags(ctx, (int)i_word, flags);
    else
        host.KeyAtPos(ctx, (int)i_word);
}

/* ---- while loading ---- */

void access_categorize(host_ctx *ctx, const char *command, const char *categories)
{
    if (host.SetCommandACLCategories == NULL || host.GetCommand == NULL)
        return;
    host_command *c = host.GetCommand(ctx, command);
    if (c != NULL)
        host.SetCommandACLCategories(c, categories);
}

void access_first_word(host_ctx *ctx, const char *command, bool writes)
{
    static const host_info_version version = {1, 24, sizeof(host_key_spec), 72};
    host_key_spec keys[2] = {{.flags = (uint64_t)flags_of(false, writes),
                              .begin = 2,
                              .at.index.word = 1,
                              .find = 2,
                              .keys.range = {0, 1, 0}}};
    host_command_info info = {.version = &version, .keys = keys};
    host_command *c = host.SetCommandInfo == NULL || host.GetCommand == NULL
                          ? NULL
                          : host.GetCommand(ctx, command);
    if (c != NULL)
        host.SetCommandInfo(c, &info);
}

/* ---- while serving ---- */

/* Has the context a user? One that must not block, but for a transaction or a script, is another
 * module's; a primary's or a file's has none, and servers look at it all the same. */
static bool has_user(host_ctx *ctx)
{
    int flags = host.GetContextFlags(ctx);
    if (flags & (HOST_FLAG_REPLICATED | HOST_FLAG_LOADING))
        return false;
    return (flags & HOST_FLAG_DENY_BLOCKING) == 0 ||
           (flags & (HOST_FLAG_MULTI | HOST_FLAG_LUA)) != 0;
}

host_str *access_user(host_ctx *ctx)
{
    host_str *name = script_calls_user();
    if (name != NULL)
        host.RetainString(NULL, name);
    else if (host.GetCurrentUserName != NULL && has_user(ctx))
        name = host.GetCurrentUserName(ctx);
    return name;
}

bool access_user_may_read(host_str *user, weir_str key)
{
    if (user == NULL || host.ACLCheckKeyPermissions == NULL ||
        host.GetModuleUserFromUserName == NULL || host.FreeModuleUser == NULL)
        return true;
    host_user *u = host.GetModuleUserFromUserName(user);
    host_str *name = keyspace_name(key);
    bool may =
        u != NULL && host.ACLCheckKeyPermissions(u, name, HOST_ACCESS_ACCESS) == HOST_OK;
    host.FreeString(NULL, name);
    if (u != NULL)
        host.FreeModuleUser(u);
    return may;
}

bool access_may_read(host_ctx *ctx, weir_str key)
{
    host_str *user = access_user(ctx);
    bool may = access_user_may_read(user, key);
    if (user != NULL)
        host.FreeString(NULL, user);
    return may;
}

bool access_may_run(host_ctx *ctx, const wr_req *req)
{
    if (req->command == WR_CMD_run)
        return access_may_read(ctx, req->key);
    for (size_t i = 0; req->steps != NULL && i < req->steps->n; i++) {
        const wr_step *s = &req->steps->step[i];
        if (s->kind == WR_STEP_RUN && !access_may_read(ctx, s->name))
            return false;
    }
    return true;
}
