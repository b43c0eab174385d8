#include "io/tar.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <memory>

namespace mc::io {
namespace {

constexpr std::size_t entries_max = 1000;

struct Free {
    void operator()(archive* a) const { archive_free(a); }
    void operator()(archive_entry* e) const { archive_entry_free(e); }
};
using Reader = std::unique_ptr<archive, Free>;
using Entry = std::unique_ptr<archive_entry, Free>;

std::string words_of(archive* a) {
    const char* text = archive_error_string(a);
    return text == nullptr ? "out of memory" : text;
}

/// Whether a path can only lead below the directory it is unpacked in.
bool stays_below(std::string_view path) {
    if (path.empty() || path.front() == '/') return false;
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        if (path.substr(begin, end - begin) == "..") return false;
        begin = end + 1;
    }
    return true;
}

Result<void> write_entry(archive* out, const TarEntry& entry) {
    const Entry head(archive_entry_new());
    archive_entry_set_pathname(head.get(), entry.path.c_str());
    archive_entry_set_filetype(head.get(), entry.is_directory ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(head.get(), static_cast<mode_t>(entry.mode));
    archive_entry_set_size(head.get(), entry.is_directory ? 0 : static_cast<la_int64_t>(entry.content.size()));
    archive_entry_set_mtime(head.get(), 0, 0);
    archive_entry_set_uid(head.get(), 0);
    archive_entry_set_gid(head.get(), 0);
    if (archive_write_header(out, head.get()) != ARCHIVE_OK) {
        return fail(ErrorCode::internal, "\"" + entry.path + "\" can't be put into a tar archive: " + words_of(out));
    }
    if (!entry.is_directory && !entry.content.empty() &&
        archive_write_data(out, entry.content.data(), entry.content.size()) !=
            static_cast<la_ssize_t>(entry.content.size())) {
        return fail(ErrorCode::internal, "\"" + entry.path + "\" can't be put into a tar archive: " + words_of(out));
    }
    return {};
}

Result<std::string> read_content(archive* in, std::size_t bytes_max) {
    std::string content;
    char block[16 * 1024];
    while (true) {
        const la_ssize_t got = archive_read_data(in, block, sizeof block);
        if (got == 0) return content;
        if (got < 0) return fail(ErrorCode::bad_message, "the tar archive can't be read: " + words_of(in));
        if (content.size() + static_cast<std::size_t>(got) > bytes_max) {
            return fail(ErrorCode::too_large, "the tar archive holds more than was expected");
        }
        content.append(block, static_cast<std::size_t>(got));
    }
}

}  // namespace

Result<std::string> pack_tar(std::span<const TarEntry> entries) {
    std::size_t size = 64 * 1024;
    for (const auto& entry : entries) {
        if (!stays_below(entry.path)) {
            return fail(ErrorCode::invalid_argument, "\"" + entry.path + "\" is not a relative path without \"..\"");
        }
        size += entry.content.size() + entry.path.size() + 4096;
    }
    std::string bytes(size, '\0');
    std::size_t used = 0;
    const Reader out(archive_write_new());
    archive_write_set_format_ustar(out.get());
    if (archive_write_open_memory(out.get(), bytes.data(), bytes.size(), &used) != ARCHIVE_OK) {
        return fail(ErrorCode::internal, "a tar archive can't be begun: " + words_of(out.get()));
    }
    for (const auto& entry : entries) {
        if (auto written = write_entry(out.get(), entry); !written) return tl::unexpected(written.error());
    }
    if (archive_write_close(out.get()) != ARCHIVE_OK) {
        return fail(ErrorCode::internal, "a tar archive can't be finished: " + words_of(out.get()));
    }
    bytes.resize(used);
    return bytes;
}

Result<std::vector<TarEntry>> unpack_tar(std::string_view archive_bytes, std::size_t bytes_max) {
    const Reader in(archive_read_new());
    archive_read_support_format_tar(in.get());
    if (archive_read_open_memory(in.get(), archive_bytes.data(), archive_bytes.size()) != ARCHIVE_OK) {
        return fail(ErrorCode::bad_message, "this is not a tar archive: " + words_of(in.get()));
    }
    std::vector<TarEntry> entries;
    archive_entry* head = nullptr;
    std::size_t count = 0;
    while (true) {
        const int outcome = archive_read_next_header(in.get(), &head);
        if (outcome == ARCHIVE_EOF) return entries;
        if (outcome != ARCHIVE_OK && outcome != ARCHIVE_WARN) {
            return fail(ErrorCode::bad_message, "the tar archive can't be read: " + words_of(in.get()));
        }
        if (++count > entries_max) return fail(ErrorCode::too_large, "the tar archive has too many entries");
        const auto type = archive_entry_filetype(head);
        if (type != AE_IFREG && type != AE_IFDIR) continue;
        TarEntry entry;
        const char* path = archive_entry_pathname(head);
        if (path == nullptr) return fail(ErrorCode::bad_message, "the tar archive has an entry without a path");
        entry.path = path;
        entry.mode = archive_entry_perm(head);
        entry.is_directory = type == AE_IFDIR;
        auto content = read_content(in.get(), bytes_max);
        if (!content) return tl::unexpected(content.error());
        entry.content = std::move(*content);
        bytes_max -= entry.content.size();
        entries.push_back(std::move(entry));
    }
}

}  // namespace mc::io
