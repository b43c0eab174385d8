#pragma once

#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "cli/shell/app.hpp"

namespace mc::cli {

/// A whole listing, page by page: `Request` has the field `after`, `Reply` the field `next` and the entries.
/// Errors: as App::call.
template <class Request, class Reply, class Entry>
[[nodiscard]] Result<std::vector<Entry>> ask_pages(App& app, protocol::Verb verb, std::vector<Entry> Reply::*entries,
                                                   const CallOptions& options = {}) {
    std::vector<Entry> all;
    Request request;
    do {
        auto page = app.ask<Reply>(verb, protocol::encode(request), options);
        if (!page) return fail(page.error());
        // A page that does not lead on would be asked for again and again.
        if (!page->next.empty() && page->next <= request.after) {
            return fail(ErrorCode::internal, "the broker's list does not end; please report it");
        }
        auto& found = (*page).*entries;
        all.insert(all.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
        request.after = page->next;
    } while (!request.after.empty());
    return all;
}

}  // namespace mc::cli
