# remediator in a small image: compiled byte code (without it start-up and memory double), no root,
# nothing written but the journal in /var/lib/remediator (a volume), so that the root file system may be read-only.
# glibc, not musl: the CEL library has no musl wheel.
#
#   docker build -t remediator .
#   docker run --read-only -v journal:/var/lib/remediator -v ./etc:/etc/remediator:ro -p 8080:8080 remediator

FROM python:3.12-slim-bookworm AS build
RUN pip install --no-cache-dir uv==0.13.9
ENV UV_PROJECT_ENVIRONMENT=/opt/remediator UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /src
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --frozen --no-dev --no-install-project --compile-bytecode
COPY remediator remediator
RUN uv sync --frozen --no-dev --no-editable --compile-bytecode

FROM python:3.12-slim-bookworm
COPY --from=build /opt/remediator /opt/remediator
RUN install -d -o 65532 -g 65532 /var/lib/remediator
ENV PATH=/opt/remediator/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
VOLUME /var/lib/remediator
EXPOSE 8080
ENTRYPOINT ["remediator"]
CMD ["run", "--config", "/etc/remediator/remediator.yaml"]
