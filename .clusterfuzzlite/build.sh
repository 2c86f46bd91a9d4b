#!/bin/bash -eu
# Builds the fuzz targets into $OUT by the rules of OSS-Fuzz and ClusterFuzzLite:
# $CC $CXX $CFLAGS $CXXFLAGS and $LIB_FUZZING_ENGINE are theirs, $SRC/tcpspec is this tree.
# `scripts/fuzz check-build` runs it outside of their container.
set -eu

jobs=${TCPSPEC_JOBS:-$(nproc)}
prefix=$WORK/libraries

# A library whose source lies in $SRC is built with the sanitizer and for the base's standard
# library; otherwise the installed one is taken.
library() {
  local name=$1
  shift
  [ -d "$SRC/$name" ] || return 0
  cmake -G Ninja -S "$SRC/$name" -B "$WORK/$name" -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib \
    -DCMAKE_BUILD_TYPE=None -DBUILD_SHARED_LIBS=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON "$@"
  ninja -C "$WORK/$name" -j "$jobs" install
}
library fmtlib -DFMT_TEST=OFF -DFMT_DOC=OFF
library yaml-cpp -DYAML_CPP_BUILD_TESTS=OFF -DYAML_CPP_BUILD_TOOLS=OFF -DYAML_CPP_BUILD_CONTRIB=OFF
library libtins -DLIBTINS_BUILD_SHARED=OFF -DLIBTINS_ENABLE_PCAP=OFF -DLIBTINS_ENABLE_WPA2=OFF \
  -DLIBTINS_ENABLE_ACK_TRACKER=OFF -DLIBTINS_ENABLE_CXX11=ON -DLIBTINS_BUILD_EXAMPLES=OFF -DLIBTINS_BUILD_TESTS=OFF

export PKG_CONFIG_PATH=$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
lwip=()
[ -d "$SRC/lwip" ] && lwip=(-DTCPSPEC_LWIP_SOURCE="$SRC/lwip")
# lwIP shifts the octets of each timestamp in an int: every connection would end there.
cmake -G Ninja -S "$SRC/tcpspec" -B "$WORK/tcpspec" -DCMAKE_BUILD_TYPE=None -DCMAKE_PREFIX_PATH="$prefix" \
  -DTCPSPEC_FUZZ=ON -DTCPSPEC_FUZZ_ENGINE="$LIB_FUZZING_ENGINE" -DTCPSPEC_LWIP_FLAGS=-fno-sanitize=shift "${lwip[@]}"
ninja -C "$WORK/tcpspec" -j "$jobs" tcpspec_fuzzers

cp "$WORK"/tcpspec/fuzzers/* "$OUT"/
