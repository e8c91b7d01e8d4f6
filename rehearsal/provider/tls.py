"""The stand-in for pulumi-tls: real keys, made by the `cryptography` library."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, ClassVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from rehearsal.provider.resource import Context, Failure, RefusedError, Resource
from rehearsal.provider.values import UNKNOWN, Properties

_ALGORITHMS = ("RSA", "ECDSA", "ED25519")
_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "P224": ec.SECP224R1,
    "P256": ec.SECP256R1,
    "P384": ec.SECP384R1,
    "P521": ec.SECP521R1,
}
_PEM, _DER = serialization.Encoding.PEM, serialization.Encoding.DER
_FORMAT = serialization.PrivateFormat


class PrivateKey(Resource):
    """`tls:index/privateKey:PrivateKey`; the private parts are secrets."""

    token = "tls:index/privateKey:PrivateKey"  # noqa: S105
    required = ("algorithm",)
    optional = ("ecdsaCurve", "rsaBits")
    defaults: ClassVar[dict[str, Any]] = {"ecdsaCurve": "P224", "rsaBits": 2048}
    secret_outputs = ("privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8")
    computed = (
        *secret_outputs, "publicKeyOpenssh", "publicKeyPem", "publicKeyFingerprintMd5", "publicKeyFingerprintSha256",
    )  # fmt: skip

    def check(self, context: Context, inputs: Properties) -> list[Failure]:
        failures = []
        if inputs["algorithm"] is not UNKNOWN and inputs["algorithm"] not in _ALGORITHMS:
            failures.append(
                Failure("algorithm", f'value must be one of: ["RSA" "ECDSA" "ED25519"], got: "{inputs["algorithm"]}"')
            )
        if inputs["ecdsaCurve"] is not UNKNOWN and inputs["ecdsaCurve"] not in _CURVES:
            failures.append(
                Failure(
                    "ecdsaCurve", f'value must be one of: ["P224" "P256" "P384" "P521"], got: "{inputs["ecdsaCurve"]}"'
                )
            )
        return failures

    def create(self, context: Context, inputs: Properties) -> tuple[str, Properties]:
        key = _generate(inputs)
        public_pem = key.public_key().public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        pkcs8 = key.private_bytes(_PEM, _FORMAT.PKCS8, serialization.NoEncryption()).decode()
        outputs = {
            # the traditional form has no name for Ed25519, which the real one writes as PKCS 8 too
            "privateKeyPem": pkcs8 if isinstance(key, ed25519.Ed25519PrivateKey) else _traditional(key),
            "privateKeyPemPkcs8": pkcs8,
            "publicKeyPem": public_pem.decode(),
            **_openssh(key),
        }
        return hashlib.sha1(public_pem).hexdigest(), outputs  # noqa: S324 - an id, as the real one makes it


def _traditional(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(_PEM, _FORMAT.TraditionalOpenSSL, serialization.NoEncryption()).decode()


def _openssh(key: Any) -> Properties:
    """The OpenSSH forms; OpenSSH has no P-224, and the real provider leaves them empty then."""
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP224R1):
        return dict.fromkeys(
            ("privateKeyOpenssh", "publicKeyOpenssh", "publicKeyFingerprintMd5", "publicKeyFingerprintSha256"), ""
        )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    blob = base64.b64decode(public.split()[1])
    md5 = hashlib.md5(blob).hexdigest()  # noqa: S324 - a fingerprint for people
    return {
        "privateKeyOpenssh": key.private_bytes(_PEM, _FORMAT.OpenSSH, serialization.NoEncryption()).decode(),
        "publicKeyOpenssh": public.decode() + "\n",
        "publicKeyFingerprintMd5": ":".join(md5[at : at + 2] for at in range(0, len(md5), 2)),
        "publicKeyFingerprintSha256": "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("="),
    }


def _generate(inputs: Properties) -> Any:
    algorithm = inputs["algorithm"]
    if algorithm == "ED25519":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == "ECDSA":
        return ec.generate_private_key(_CURVES[inputs["ecdsaCurve"]]())
    if algorithm == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=int(inputs["rsaBits"]))
    raise RefusedError(f"Key Algorithm {algorithm} is not supported")


RESOURCES = (PrivateKey(),)
