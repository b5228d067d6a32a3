"""The pipeline's site (Jenkins's profile): nginx takes its configuration, and shows reports and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_stack import TOP, Stack

pytestmark = pytest.mark.platform


def test_reports_are_shown_and_nothing_else(stack: Stack, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    tmp_path.chmod(0o755)
    (folder / "index.html").write_text("<p>drift</p>")
    (folder / ".part-1").write_text("half")
    (tmp_path / "beside.txt").write_text("not for readers")
    own = f"{TOP / 'deploy/jenkins/published.conf'}:/etc/tidegate/published.conf:ro"
    words = (
        "run", "--detach", "--network", "none", "--user", "10001:10001", "--read-only", "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges:true", "--tmpfs", "/tmp:mode=1777,size=64m", "-v", own, "-v", f"{tmp_path}:/srv/reports:ro",
        "tidegate-ci/nginx", "nginx", "-c", "/etc/tidegate/published.conf", "-g", "daemon off;",
    )  # fmt: skip
    site = stack.docker(*words).strip()

    def asked(path: str, *more: str) -> str:
        how = ("-s", "--path-as-is", "--retry", "20", "--retry-connrefused", "-o", "/dev/null", "-w", "%{http_code}")
        return stack.docker("exec", site, "curl", *how, *more, f"http://127.0.0.1:9000{path}")

    try:
        stack.docker("exec", site, "nginx", "-t", "-c", "/etc/tidegate/published.conf")
        assert (asked("/nginx-health"), asked("/index.html"), asked("/")) == ("204", "200", "200")
        assert (asked("/.part-1"), asked("/../beside.txt"), asked("/nothing")) == ("404", "400", "404")
        assert asked("/index.html", "-X", "POST") == "403"
        headers = stack.docker("exec", site, "curl", "-sI", "http://127.0.0.1:9000/index.html").lower()
        assert "content-security-policy: sandbox" in headers
        assert "x-content-type-options: nosniff" in headers
    finally:
        stack.docker("rm", "-f", "-v", site)
