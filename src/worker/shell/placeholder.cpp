// Nothing here yet.
namespace mc {}
