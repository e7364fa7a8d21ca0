"""What a host serves from the time it is switched on: `services: [echo, {program: {run: server.py}}]`.

A service is a mapping with one key, which says what it is; its name alone stands for it with its usual settings.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from sim.scenario.dhcp import Dhcp
from sim.scenario.dns import NameServer
from sim.scenario.fields import FieldError, Model, Whole
from sim.scenario.programs import Command
from sim.scenario.small_servers import (
    Chargen,
    Daytime,
    Discard,
    HttpProxy,
    Ntp,
    Smtp,
    Socks,
    ThroughputServer,
    TimeServer,
)
from sim.scenario.web import SecureWebServer, WebServer

Port = Annotated[Whole, Field(ge=1, le=65_535)]


class Echo(Model):
    """Sends back what comes, by TCP and UDP (RFC 862)."""

    port: Port = 7


class Service(Model):
    """One service; the field that is not None says which."""

    program: Command | None = None
    echo: Echo | None = None
    http: WebServer | None = None
    https: SecureWebServer | None = None
    discard: Discard | None = None
    chargen: Chargen | None = None
    daytime: Daytime | None = None
    time: TimeServer | None = None
    throughput: ThroughputServer | None = None
    smtp: Smtp | None = None
    ntp: Ntp | None = None
    socks: Socks | None = None
    proxy: HttpProxy | None = None
    dns: NameServer | None = None
    dhcp: Dhcp | None = None

    @property
    def kind(self) -> str:
        """The key that was written."""
        (name,) = self.model_fields_set
        return name

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {value: {}}
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            return {
                key: {} if settings is None and key in cls.model_fields else settings for key, settings in value.items()
            }
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> Service:
        if len(self.model_fields_set) != 1:
            names = " and ".join(repr(name) for name in self.model_fields_set) or "nothing"
            raise FieldError(f"a service is one thing, not {names}", "give each an item of the list of its own")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        names = [name for name in cls.model_fields if name != "program"]
        return {"anyOf": [{"enum": names}, handler(core)]}
