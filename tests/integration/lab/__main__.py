# SPDX-License-Identifier: ISC
"""The lab from the command line.

    python3 -m lab [--build DIR] [COMMAND...]    start it, run COMMAND (or a shell) inside, end it
    python3 -m lab [--build DIR] --demo          one fault after the other, and the alerts

Inside, `lab` steers it, DNS goes to its resolver, and `mxwatch` is the one from the build
directory, with a wrapper that knows the lab's CA.
"""

import os
import shlex
import subprocess
import sys
import time
import warnings

warnings.filterwarnings('ignore', message='SHA1')

from . import catalogue, control, demo, netns  # noqa: E402
from .dns import UNBOUND  # noqa: E402
from .world import World  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.normpath(os.path.join(HERE, '..', '..', '..'))


def environment(world, build):
    """What programs inside need; wrappers lie in <lab>/bin."""
    bin_dir = os.path.join(world.directory, 'bin')
    os.makedirs(bin_dir, exist_ok=True)
    control.install(os.path.join(world.directory, 'control'), bin_dir)
    wrapper = os.path.join(bin_dir, 'mxwatch')
    with open(wrapper, 'w') as f:
        f.write(f'''#!/bin/sh
if [ "$1" = check ]; then
	shift
	exec {shlex.quote(build)}/mxwatch check --resolver {world.resolver} \\
		--ca-file {shlex.quote(world.ca_file)} --allow-private "$@"
fi
exec {shlex.quote(build)}/mxwatch "$@"
''')
    os.chmod(wrapper, 0o755)
    return {**os.environ, 'PATH': f'{bin_dir}:{build}:/usr/sbin:{os.environ.get("PATH", "")}',
            'LAB': world.directory, 'LAB_RESOLVER': world.resolver, 'LAB_CA': world.ca_file,
            'LAB_TRUST_ANCHOR': world.trust_anchor}


def main():
    argv = sys.argv[1:]
    if argv[:1] == ['ctl']:
        return control.main(argv[1:])
    build = os.path.join(TOP, 'build')
    if argv[:1] == ['--build']:
        build, argv = os.path.abspath(argv[1]), argv[2:]
    private = netns.enter()
    if argv[:1] == ['--demo']:
        return demo.main(build)
    began = time.monotonic()
    with World() as world:
        if private:
            netns.use_resolver(UNBOUND, world.directory)
        catalogue.every_row(world)
        world.start()
        control.serve(world, os.path.join(world.directory, 'control'))
        env = environment(world, build)
        if argv:
            return subprocess.run(argv, env=env).returncode
        print(f'The lab is up ({time.monotonic() - began:.1f} s): {len(catalogue.ROWS)} domains, '
              f'resolver {world.resolver}, CA {world.ca_file}\n'
              '    mxwatch check good.test      a healthy domain; `lab domains` lists the others\n'
              '    lab                          how to break things\n'
              '    exit                         ends the lab')
        return subprocess.run([os.environ.get('SHELL', '/bin/sh')], env=env).returncode


if __name__ == '__main__':
    sys.exit(main())
