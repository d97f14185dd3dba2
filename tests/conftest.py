# SPDX-License-Identifier: ISC
"""No report of a sanitizer passes unseen.

In a build with --enable-sanitizers every program leaves its reports in one folder, whoever started it
and wherever its standard error goes.  The folder is looked at behind each test and at the end.
"""

import os
import shutil
import tempfile

import pytest

FOLDER = tempfile.mkdtemp(prefix='mxwatch-sanitizers-')
os.chmod(FOLDER, 0o1777)  # the children of mxwatchd may have an account of their own

# 2: the programs cannot put a signal's default back in the place of a report.  UBSan tells standard
# error alone; its abort is what AddressSanitizer writes down.
SIGNALS = ':'.join(f'handle_{name}=2' for name in ('abort', 'segv', 'sigbus', 'sigfpe', 'sigill'))
for variable, more in ('ASAN_OPTIONS', SIGNALS), ('UBSAN_OPTIONS', 'abort_on_error=1:print_stacktrace=1'):
    os.environ[variable] = ':'.join(filter(None, [
        f'log_path={FOLDER}/report:log_exe_name=1', more, os.environ.get(variable)]))


def reports():
    """What has been reported since the last time."""
    said = []
    for name in sorted(os.listdir(FOLDER)):
        path = os.path.join(FOLDER, name)
        with open(path, errors='replace') as f:
            said.append(f'{name}\n{f.read()}')
        os.remove(path)
    return '\n'.join(said)


@pytest.fixture(autouse=True)
def no_report():
    yield
    said = reports()
    assert not said, said


@pytest.fixture(autouse=True, scope='session')
def no_report_at_the_end():
    yield
    said = reports()
    shutil.rmtree(FOLDER)
    assert not said, said
