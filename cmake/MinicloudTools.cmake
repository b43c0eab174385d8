# ccache and mold make the edit-build-test round shorter; neither is needed.
find_program(MC_CCACHE ccache)
if(MC_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${MC_CCACHE}")
endif()

find_program(MC_MOLD mold)
if(MC_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# MC_SANITIZER: "thread", "address" (with undefined behaviour) or "", by the preset's flags.
set(MC_SANITIZER "")
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=([-a-z]+,)?(thread|address)")
  set(MC_SANITIZER "${CMAKE_MATCH_2}")
endif()
