"""The gRPC messages are what their .proto says."""

import subprocess
import sys
from pathlib import Path

from tests.processes.replica import ROOT

PROTO = "service/protocols/grpc/inference.proto"


def test_the_generated_messages_are_fresh(tmp_path: Path) -> None:
    out = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", ".", *out, PROTO]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    for suffix in ("_pb2.py", "_pb2.pyi"):
        made = Path(PROTO.removesuffix(".proto") + suffix)
        assert (tmp_path / made).read_bytes() == (ROOT / made).read_bytes(), "run make proto"
