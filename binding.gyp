# The native parts, one target a consumer. librdkafka is the static archive that node-rdkafka's own
# build leaves behind; its symbols are hidden in the addon, because node-rdkafka loads a shared
# librdkafka of its own into the same process.
{
  'variables': {
    'librdkafka': '<(module_root_dir)/node_modules/node-rdkafka/deps/librdkafka',
    # What librdkafka was configured with: where it found the headers of curl or Cyrus SASL, the
    # archive needs those libraries, too.
    'librdkafka_libraries': [
      '<(librdkafka)/src/librdkafka.a',
      '<!@(sed -n "s/^LIBS+=//p" node_modules/node-rdkafka/deps/librdkafka/Makefile.config)'
    ],
    'core_sources': [
      '<!@(ls -1 src/dataplane/core/*.cc)', '<!@(ls -1 src/dataplane/core/protocol/*.cc)',
      '<!@(ls -1 src/dataplane/net/*.cc)',
      'src/dataplane/kafka/codecs.cc'
    ],
    'test_sources': ['<!@(ls -1 test/dataplane/core/*.cc | grep -v fuzz_entry)'],
    'warnings': ['-Wall', '-Wextra', '-Wno-unused-parameter']
  },
  'target_defaults': {
    'include_dirs': ['src/dataplane'],
    # As system headers: librdkafka's own warnings are not ours to mend.
    'cflags': ['-isystem', '<(librdkafka)/src', '-isystem', '<(librdkafka)', '<@(warnings)'],
    'cflags_c': ['-D_GNU_SOURCE', '-Wno-missing-field-initializers'],
    'cflags_cc!': ['-std=gnu++14', '-std=gnu++17'],
    'cflags_cc': ['-std=gnu++20'],
    'defines': [
      'NAPI_VERSION=8', 'NAPI_DISABLE_CPP_EXCEPTIONS', 'NODE_ADDON_API_DISABLE_DEPRECATED'
    ],
    'configurations': {'Release': {'cflags': ['-O2', '-g1']}}
  },
  'targets': [
    {
      'target_name': 'dataplane_core',
      'type': 'static_library',
      'cflags': ['-fPIC', '-fvisibility=hidden'],
      'sources': [
        '<@(core_sources)',
        '<!@(ls -1 src/dataplane/kafka/*.cc | grep -v codecs.cc)',
        'src/dataplane/kafka/raw_brokers.c',
        'src/dataplane/kafka/raw_connections.c',
        'src/dataplane/kafka/raw_requests.c'
      ]
    },
    {
      'target_name': 'dataplane',
      'dependencies': ['dataplane_core'],
      'cflags': ['-fvisibility=hidden'],
      'include_dirs': ['<!@(node -p "require(\'node-addon-api\').include_dir")'],
      'sources': ['<!@(ls -1 src/dataplane/binding/*.cc)'],
      'libraries': ['<@(librdkafka_libraries)'],
      'ldflags': ['-Wl,--exclude-libs,ALL', '-Wl,-Bsymbolic']
    },
    {
      'target_name': 'dataplane_test',
      'type': 'executable',
      'cflags_cc!': ['-fno-exceptions'],
      'dependencies': ['dataplane_core'],
      'include_dirs': ['test/dataplane/core'],
      'sources': ['<@(test_sources)'],
      'libraries': ['<@(librdkafka_libraries)']
    },
    {
      'target_name': 'dataplane_test_asan',
      'type': 'executable',
      'cflags_cc!': ['-fno-exceptions'],
      'cflags': ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-O1'],
      'ldflags': ['-fsanitize=address,undefined'],
      'include_dirs': ['test/dataplane/core'],
      'sources': ['<@(core_sources)', '<@(test_sources)'],
      'libraries': ['<@(librdkafka_libraries)']
    },
    {
      'target_name': 'dataplane_test_tsan',
      'type': 'executable',
      'cflags_cc!': ['-fno-exceptions'],
      'cflags': ['-fsanitize=thread', '-O1'],
      'ldflags': ['-fsanitize=thread'],
      'include_dirs': ['test/dataplane/core'],
      'sources': ['<@(core_sources)', '<@(test_sources)'],
      'libraries': ['<@(librdkafka_libraries)']
    },
    {
      'target_name': 'native_bench',
      'type': 'executable',
      'dependencies': ['dataplane_core'],
      'include_dirs': ['.'],
      'sources': ['<!@(ls -1 native-bench/*.cc)'],
      'libraries': ['<@(librdkafka_libraries)']
    }
  ]
}
