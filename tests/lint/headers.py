"""What the C++ headers say about the protocol, for comparison with docs/protocol.md."""

import pathlib
import re

MEMBER = re.compile(r"^    (?P<type>[A-Za-z_:<>0-9]+) (?P<name>[a-z_0-9]+)(?: = (?P<default>[^;]+))?;", re.M)
FIELD = re.compile(r"^        archive\(self\.(?P<name>\w+)(?P<rest>[^;]*)\);", re.M)
STRUCT = re.compile(r"^struct (?P<name>\w+) \{\n(?P<text>.*?)^\};", re.M | re.S)

TYPES = {
    "std::string": "str",
    "bool": "bool",
    "std::uint8_t": "u8",
    "std::uint16_t": "u16",
    "std::uint32_t": "u32",
    "std::uint64_t": "u64",
    "std::int32_t": "i32",
    "std::int64_t": "i64",
    "WallTime": "time",
    "Epoch": "u64",
    "EventSeq": "u64",
    "CloudId": "id64",
    "NodeId": "id64",
    "BootId": "id64",
    "VmId": "id64",
    "RequestId": "id128",
    "JobId": "id128",
    "PublicKey": "key",
}


def wire_type(cpp):
    """`std::vector<Label>` -> `[Label]`, `std::optional<VmView>` -> `VmView?`, `VmId` -> `id64`."""
    vector = re.fullmatch(r"std::vector<(.+)>", cpp)
    if vector:
        return f"[{wire_type(vector.group(1))}]"
    optional = re.fullmatch(r"std::optional<(.+)>", cpp)
    if optional:
        return f"{wire_type(optional.group(1))}?"
    return TYPES.get(cpp, cpp)


def bodies(root):
    """Name of a body -> list of (field, wire type, limit names) in wire order."""
    found = {}
    src = pathlib.Path(root) / "src"
    for path in sorted([*(src / "base").glob("*.hpp"), *(src / "protocol").glob("*.hpp")]):
        if path.name == "codec.hpp":
            continue  # its struct is an example in a comment
        for struct in STRUCT.finditer(path.read_text()):
            fields = FIELD.findall(struct["text"])
            if not fields:
                continue
            types = {m["name"]: wire_type(m["type"]) for m in MEMBER.finditer(struct["text"])}
            found[struct["name"]] = [
                (name, types[name], re.findall(r"limits::(\w+)", rest)) for name, rest in fields
            ]
    return found


def value_of(expression):
    """The number a constant of limits.hpp stands for: `64 * 1024`, `16ULL << 20`, `{1}`."""
    plain = re.sub(r"(?<=\d)ULL\b", "", expression.strip().strip("{}"))
    if not re.fullmatch(r"[\d\s*<()+-]+", plain):
        raise ValueError(f"not a number: {expression}")
    return eval(plain)  # digits and operators only


def limits(root):
    """Name -> number, from namespace mc::limits."""
    text = (pathlib.Path(root) / "src/protocol/limits.hpp").read_text().split("namespace mc::defaults")[0]
    rows = re.findall(r"inline constexpr [\w:]+ (\w+)(?: = ([^;]+)|(\{\d+\}));", text)
    return {name: value_of(assigned or braced) for name, assigned, braced in rows}


def defaults(root):
    """Name -> number or string, from namespace mc::defaults."""
    text = (pathlib.Path(root) / "src/protocol/limits.hpp").read_text().split("namespace mc::defaults")[1]
    rows = re.findall(r"inline constexpr [\w: *]+?\*? ?(\w+) = ([^;]+);", text)
    return {name: v.strip('"') if v.startswith('"') else value_of(v) for name, v in rows}


def errors(root):
    """Number -> (name, retry class), from error.hpp and error.cpp."""
    base = pathlib.Path(root) / "src/base"
    enum = re.search(r"enum class ErrorCode.*?\{(.*?)\};", (base / "error.hpp").read_text(), re.S).group(1)
    numbers = {name: int(number) for name, number in re.findall(r"(\w+) = (\d+),", enum)}
    rows = re.findall(r'Row\{ErrorCode::(\w+), "(\w+)", Retry::(\w+)\}', (base / "error.cpp").read_text())
    return {numbers[code]: (name, retry) for code, name, retry in rows}


def verbs(root):
    """Number -> the documentation's word."""
    folder = pathlib.Path(root) / "src/protocol"
    enum = re.search(r"enum class Verb.*?\{(.*?)\n\};", (folder / "message.hpp").read_text(), re.S).group(1)
    numbers = {name: int(number) for name, number in re.findall(r"(\w+) = (\d+),", enum)}
    words = dict(re.findall(r'std::pair\{Verb::(\w+), "(\w+)"\}', (folder / "message.cpp").read_text()))
    return {number: words[name] for name, number in numbers.items()}


def enumeration(root, name):
    """Number -> enumerator, of an enum in src/protocol."""
    for path in sorted((pathlib.Path(root) / "src/protocol").glob("*.hpp")):
        found = re.search(rf"enum class {name} [^{{]*\{{(.*?)\}};", path.read_text(), re.S)
        if found:
            return {int(number): word for word, number in re.findall(r"(\w+) = (\d+)", found.group(1))}
    raise KeyError(name)
