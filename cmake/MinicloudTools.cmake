# ccache and mold make the edit-build-test round shorter; neither is needed.
find_program(MC_CCACHE ccache)
if(MC_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${MC_CCACHE}")
endif()

find_program(MC_MOLD mold)
if(MC_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
