#!/bin/sh
# Makes picture.mkv, the camera of the tutorial and the tests: ten seconds, a fragment every two. Needs ffmpeg.
# A Cluster for each key frame, as Kinesis Video Streams wants fragments; nothing in the file depends on the day.
set -eu
cd "$(dirname "$0")"
ffmpeg -v error -y -f lavfi -i testsrc=size=320x180:rate=15:duration=10 -f lavfi -i sine=frequency=440:sample_rate=44100:duration=10 \
    -c:v libx264 -preset veryslow -crf 28 -profile:v main -pix_fmt yuv420p -g 30 -keyint_min 30 -sc_threshold 0 \
    -c:a aac -b:a 32k -ac 1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact \
    -f matroska -cluster_time_limit 20000 -cluster_size_limit 50000000 picture.mkv
