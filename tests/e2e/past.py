"""Certificates of the past, which `graphite keys` does not sign."""
import shutil
import subprocess

from support import check, skip


def expired_client(keys, folder, kind="clients", name="graphite:q:alice:99"):
    """A client's certificate of this installation that was over in 2021, in a folder such as `graphite keys` makes."""
    if not shutil.which("openssl"):
        skip("needs the program openssl to sign a certificate of the past")
    folder.mkdir(mode=0o700)
    shutil.copy(keys / f"root/{kind}-ca.crt", folder)
    (folder / "index").touch()
    (folder / "ca.conf").write_text(
        f"[ca]\ndefault_ca=d\n[d]\nnew_certs_dir={folder}\ndatabase={folder}/index\nrand_serial=yes\ndefault_md=sha256\n"
        "policy=p\nx509_extensions=x\n[p]\ncommonName=supplied\n[x]\nextendedKeyUsage=clientAuth\n")

    def openssl(*words):
        done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True)
        check(done.returncode == 0, done.stderr)

    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-keyout", folder / "client.key", "-out", folder / "request")
    openssl("ca", "-batch", "-notext", "-config", folder / "ca.conf", "-cert", keys / f"root/{kind}-ca.crt", "-keyfile",
            keys / f"root/{kind}-ca.key", "-startdate", "20200101000000Z", "-enddate", "20210101000000Z", "-in",
            folder / "request", "-out", folder / "client.crt")
    for part in ("client.crt", "client.key"):
        (folder / part).chmod(0o600)
    return folder
