// SPDX-License-Identifier: BSD-3-Clause
// Texts: libtorch's long messages made short, and what a file is that libtorch refused.
#include <cstring>
#include <vector>

#include "backends/torch/parts.h"

namespace
{
constexpr std::size_t LONGEST =
    330; // bytes; the sentence around it needs the rest of weir_error

bool begins(const std::string &s, const char *with)
{
    return s.compare(0, std::strlen(with), with) == 0;
}

bool has(const std::string &s, const char *part)
{
    return s.find(part) != std::string::npos;
}

// Lines without blanks around them; empty ones and those of C++ stacks are left out.
std::vector<std::string> lines_of(const std::string &text)
{
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = text.find('\n', at);
        if (end == std::string::npos)
            end = text.size();
        std::size_t first = text.find_first_not_of(" \t\r", at);
        std::size_t last = text.find_last_not_of(" \t\r", end == 0 ? 0 : end - 1);
        if (first < end && last >= first) {
            std::string line = text.substr(first, last + 1 - first);
            if (begins(line, "Exception raised from"))
                break;
            if (!begins(line, "frame #"))
                lines.push_back(line);
        }
        at = end + 1;
    }
    return lines;
}

// A message about TorchScript code: from the compiler a reason, then where; from the interpreter
// tracebacks, the last of which names the author's own file, then the reason. Becomes
// "reason (File .., line 3, in f: code)".
std::string about_code(const std::vector<std::string> &lines, bool is_traceback)
{
    std::string where, code, reason;
    for (std::size_t i = 0; i < lines.size(); i++) {
        if (begins(lines[i], "File \""))
            where = lines[i];
        if (has(lines[i], "<--- HERE") && i > 0 && !begins(lines[i - 1], "File \""))
            code = lines[i - 1];
        if (where.empty() && !is_traceback)
            reason += (reason.empty() ? "" : " ") + lines[i];
    }
    if (is_traceback)
        reason = lines.back();
    if (begins(reason, "RuntimeError: "))
        reason.erase(0, std::strlen("RuntimeError: "));
    return reason + " (" + where + (code.empty() ? "" : ": " + code) + ")";
}

std::string cut(std::string text, std::size_t most)
{
    if (text.size() <= most)
        return text;
    std::size_t n = most - 3;
    while (n > 0 && (static_cast<unsigned char>(text[n]) & 0xc0) == 0x80)
        n--; // not inside a character
    return text.substr(0, n) + "...";
}

// Is `part` in the bytes?
bool contains(const void *blob, std::size_t n, const char *part)
{
    return memmem(blob, n, part, std::strlen(part)) != nullptr;
}

bool is_zip(const void *blob, std::size_t n)
{
    return n >= 4 && std::memcmp(blob, "PK\3\4", 4) == 0;
}
} // namespace

std::string short_text(const std::string &long_text)
{
    std::vector<std::string> lines = lines_of(long_text);
    if (lines.empty())
        return "no reason given";
    bool is_traceback = has(long_text, "Traceback of TorchScript");
    if (is_traceback || has(long_text, "File \""))
        return cut(about_code(lines, is_traceback), LONGEST);
    // The first lines that fit, and the last.
    std::string last = cut(lines.back(), LONGEST / 2), text;
    for (std::size_t i = 0; i + 1 < lines.size(); i++) {
        if (text.size() + lines[i].size() + last.size() + 6 > LONGEST) {
            if (text.empty())
                text = cut(lines[i], LONGEST - last.size() - 6) + " ";
            text += ".. ";
            break;
        }
        text += lines[i] + " ";
    }
    return text + last;
}

std::string what_file_is(const void *blob, std::size_t n)
{
    static const unsigned char legacy[] = {0x80, 0x02, 0x8a, 0x0a,
                                           0x6c, 0xfc, 0x9c, 0x46};
    if (n >= sizeof legacy && std::memcmp(blob, legacy, sizeof legacy) == 0)
        return "it was written by torch.save of an old PyTorch and holds no code; write "
               "it with "
               "torch.jit.save(torch.jit.script(model), ..)";
    if (!is_zip(blob, n))
        return "TorchScript files are zip archives and begin with 'PK'; is this another "
               "format?";
    std::size_t tail = n < 65558 ? n : 65558;
    if (!contains(static_cast<const char *>(blob) + (n - tail), tail, "PK\5\6"))
        return "the archive has no end; was the file cut off while it was copied?";
    if (!contains(blob, n, "constants.pkl"))
        return contains(blob, n, "data.pkl")
                   ? "it was written by torch.save (weights or a pickled module) and "
                     "holds no code; "
                     "write it with torch.jit.save(torch.jit.script(model), ..)"
                   : "it is a zip archive, but not one of TorchScript";
    return "";
}

bool looks_like_torch(const void *blob, std::size_t n) noexcept
{
    static const unsigned char legacy[] = {0x80, 0x02, 0x8a, 0x0a,
                                           0x6c, 0xfc, 0x9c, 0x46};
    if (blob == nullptr)
        return false;
    if (n >= sizeof legacy && std::memcmp(blob, legacy, sizeof legacy) == 0)
        return true; // load says what is wrong with it
    if (!is_zip(blob, n) || n < 30)
        return false;
    // The first member's name: FOLDER/data.pkl, FOLDER/version, FOLDER/code/..
    const unsigned char *b = static_cast<const unsigned char *>(blob);
    std::size_t n_name = b[26] + 256u * b[27];
    if (n_name > n - 30)
        n_name = n - 30;
    static const char *const known[] = {
        "/data.pkl",  "/version",         "/constants.pkl", "/code/",      "/data/",
        "/byteorder", "/.format_version", "/extra/",        "/constants/", "/.data/"};
    for (const char *part : known)
        if (contains(b + 30, n_name, part))
            return true;
    return false;
}
