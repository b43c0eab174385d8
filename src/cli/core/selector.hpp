#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "protocol/vm.hpp"

namespace mc::cli {

/// Which VMs by their labels, as people write it (kubectl's grammar for equality and existence):
///
///     selector = term *("," term)
///     term     = KEY "=" VALUE | KEY "==" VALUE | KEY "!=" VALUE | KEY | "!" KEY
///
/// All terms must hold. `!=` holds too where there is no such label. Spaces around keys and values don't count.
class Selector {
public:
    static constexpr std::size_t terms_max = 64;

    /// Matches everything.
    Selector() = default;

    /// Errors: invalid_argument: an empty selector (never "all"), an empty term or key, or too many terms.
    [[nodiscard]] static Result<Selector> parse(std::string_view text);

    /// Narrows this one by `other`.
    void add(const Selector& other);

    [[nodiscard]] bool matches(const std::vector<protocol::Label>& labels) const;

private:
    enum class Test { equal, unequal, there, absent };
    struct Term {
        std::string key;
        Test test = Test::there;
        std::string value;
    };
    static Result<Term> parse_term(std::string_view text);

    std::vector<Term> terms_;
};

}  // namespace mc::cli
