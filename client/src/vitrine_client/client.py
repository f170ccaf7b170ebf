"""Client: policy and types; the transport does the talking."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from vitrine_client.calls import Call, Result, ask_call, ask_calls, choose_call, embed_call
from vitrine_client.channel import TlsFiles
from vitrine_client.contract import CHECK_TIMEOUT_S, ContractCheck
from vitrine_client.errors import InvalidRequestError, VitrineError
from vitrine_client.photos import Photo, bytes_from_photo
from vitrine_client.reading import Reading
from vitrine_client.reading_calls import read_call
from vitrine_client.results import Answer, Choice, Embedding, Health
from vitrine_client.settings import DEFAULT_URL, connection_settings, timeout_setting
from vitrine_client.several import OF_ONE_PHOTO, ProductAnswer, Refusal, joined, photos_of_product
from vitrine_client.text_answers import (
    answer_from_text,
    context_with_text,
    fact_asked,
    refuses_context,
    refuses_every_context,
)
from vitrine_client.timeouts import require_timeout, time_left
from vitrine_client.transport import GrpcTransport, Transport

__all__ = ["DEFAULT_URL", "VqaClient"]


class VqaClient:
    """Asks a Vitrine server about product photos. Safe to use from many threads.

    Every method raises a `VitrineError`, and nothing else, when the photo, the
    question, the server or the deadline is at fault.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        timeout_s: float | None = None,
        tls: TlsFiles | None = None,
        api_key: str | None = None,
        transport: Transport | None = None,
    ) -> None:
        """Nothing is sent yet. What is not given is taken from the environment.

        Args:
            url: the server's gRPC address, "host:port"; see `GrpcTransport`. Else VITRINE_URL, else localhost:8001.
            timeout_s: deadline of a call that names none, retries counted in. Else VITRINE_TIMEOUT_S, else 10.
            tls: PEM files of an encrypted connection; None: plain text.
            api_key: what a gateway in front of the servers asks for; needs `tls`. Else VITRINE_API_KEY, else none.
            transport: something else than gRPC, such as a `FakeTransport`; `url`, `tls` and `api_key` are then unused.

        Raises:
            InvalidRequestError: a setting that cannot be; the message says which, and where it came from.
        """
        self._timeout_s = timeout_setting(timeout_s)
        self._transport = transport or GrpcTransport(**connection_settings(url, tls, api_key))
        self._contract = ContractCheck()
        self._no_context_in = ""
        """Release that takes no context, so that reading helps with printed facts alone; "": none is known."""

    def __enter__(self) -> "VqaClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def ask(
        self,
        photo: Photo,
        question: str,
        *,
        context: str | None = None,
        max_risk: float | None = None,
        details: bool = True,
        read_text: bool = False,
        timeout_s: float | None = None,
    ) -> Answer:
        """Ask one question about one photo.

        Args:
            photo: a path, encoded bytes, an open binary file (read from
                where it stands), a `PIL.Image` or a uint8 array.
            question: in English or Chinese.
            context: what the shop knows about the product, at most 2,000
                bytes of UTF-8; read by chat models only, others refuse it.
            max_risk: share of such answers that may be wrong, such as 0.001;
                stricter than the server's own, or without effect. What is not
                sure enough is handed over.
            details: whether alternatives and heatmap come too; without them
                a question takes 0.4 ms of a processor less.
            read_text: whether the photo's text is read first. A question
                after what is printed, such as the net weight, is answered by
                the sure line that says it (`source` "text"), past the
                server's house rules; with any other, chat models get the sure
                lines as part of the context, and then say no confidence. Needs
                `vitrine-client[facts]`.
            timeout_s: deadline of this call, and of reading the photo.
        """
        encoded = bytes_from_photo(photo)
        call = ask_call(encoded, question, max_risk, context, details=details)
        if not read_text or (self._no_context_in and fact_asked(question) is None):
            answer = self._result_of(call, timeout_s)
            if answer.release != self._no_context_in:
                self._no_context_in = ""  # another release may take a context
            return answer
        left_s = time_left(self._timeout_s if timeout_s is None else require_timeout(timeout_s))
        reading = self._result_of(read_call(encoded, max_risk), left_s())
        if printed := answer_from_text(question, reading):
            return printed
        known = context_with_text(context, reading)
        if known != context and reading.release != self._no_context_in:
            try:
                return self._result_of(ask_call(encoded, question, max_risk, known, details=details), left_s())
            except InvalidRequestError as error:
                if not refuses_context(error):
                    raise
                self._no_context_in = reading.release if refuses_every_context(error) else ""
        return self._result_of(call, left_s())

    def ask_many(
        self,
        photo: Photo,
        questions: Iterable[str],
        *,
        context: str | None = None,
        max_risk: float | None = None,
        details: bool = True,
        timeout_s: float | None = None,
    ) -> list[Answer]:
        """Ask several questions about one photo; the answers come in the questions' order.

        They go as one request, so that the photo is sent and read once; more
        than 16 go 16 at a time. One that is refused fails them all: the error
        says which.

        Args:
            context, max_risk, details: as in `ask`.
            timeout_s: deadline of each request.
        """
        calls = ask_calls(bytes_from_photo(photo), questions, max_risk, context, details=details)
        return [answer for call in calls for answer in self._result_of(call, timeout_s)]

    def ask_product(
        self,
        photos: Iterable[Photo],
        question: str,
        *,
        context: str | None = None,
        max_risk: float | None = None,
        timeout_s: float | None = None,
    ) -> ProductAnswer:
        """Ask one question about 1 to 8 photos of one product, all at once, and join the answers; see `several.joined`.

        A photo that is broken or refused leaves the answer to the others, and
        its error is kept; where all are, the first one's error is raised.

        Args:
            context, max_risk: as in `ask`.
            timeout_s: deadline of each photo's call.
        """
        listed = photos_of_product(photos)

        def ask_one(photo: Photo) -> Answer | Refusal:
            try:
                return self.ask(photo, question, context=context, max_risk=max_risk, timeout_s=timeout_s)
            except OF_ONE_PHOTO as error:
                return error

        with ThreadPoolExecutor(len(listed)) as pool:
            return joined(list(pool.map(ask_one, listed)))

    def choose(
        self,
        photo: Photo,
        question: str,
        candidates: Iterable[str],
        *,
        context: str | None = None,
        max_risk: float | None = None,
        timeout_s: float | None = None,
    ) -> Choice:
        """Ask which of a list of allowed answers is right.

        Args:
            candidates: 1 to 256 short answers, no two alike.
            context, max_risk: as in `ask`.
            timeout_s: as in `ask`.
        """
        return self._result_of(choose_call(bytes_from_photo(photo), question, candidates, max_risk, context), timeout_s)

    def embed(self, photo: Photo, *, timeout_s: float | None = None) -> Embedding:
        """Turn a photo into a vector, for finding similar products."""
        return self._result_of(embed_call(bytes_from_photo(photo)), timeout_s)

    def read(self, photo: Photo, *, max_risk: float | None = None, timeout_s: float | None = None) -> Reading:
        """Read the text and the codes in a photo.

        Args:
            max_risk: share of lines that may be wrong before lines like them
                are called unsure; stricter than the server's own, or without
                effect.
            timeout_s: as in `ask`.

        Raises:
            InvalidRequestError: the server was built without text.
        """
        return self._result_of(read_call(bytes_from_photo(photo), max_risk), timeout_s)

    def health(self, *, timeout_s: float = 2.0) -> Health:
        """Ask whether the server lives, is ready and takes questions, and which version of the contract it speaks.

        Returns:
            What the server said. `contract_problem` of it is not empty where client and server do not fit.
        """
        return self._transport.health(timeout_s=require_timeout(timeout_s))

    def _result_of(self, call: Call[Result], timeout_s: float | None) -> Result:
        timeout_s = self._timeout_s if timeout_s is None else require_timeout(timeout_s)
        with call.naming_its_part():
            try:
                tensors = self._transport.infer(
                    call.model, call.inputs, call.outputs, timeout_s=timeout_s, request_id=call.request_id
                )
            except InvalidRequestError as error:
                if self._contract.is_due(error):
                    self._contract.require_same(self._contract_version(), error)
                raise
        return call.result_from(tensors, call.request_id)

    def _contract_version(self) -> int | None:
        try:
            return self._transport.health(timeout_s=CHECK_TIMEOUT_S).contract_version
        except VitrineError:
            return None
