# The server, its worker and its command line in one image. The build stage has pip and the sources; the final stage has
# the interpreter and one virtual environment. Wheels only: nothing is compiled, so no stage needs a compiler.
ARG PYTHON_VERSION=3.13

FROM python:${PYTHON_VERSION}-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# The locked dependencies change seldom, so they have a layer of their own. The environment itself has no pip.
COPY requirements.lock ./
RUN python -m venv --without-pip /opt/oidc-server \
 && pip --python /opt/oidc-server/bin/python install --only-binary :all: --require-hashes --requirement requirements.lock

# The build backend is locked like everything else.
COPY requirements-build.lock ./
RUN pip install --only-binary :all: --require-hashes --requirement requirements-build.lock

COPY pyproject.toml README.md LICENSE ./
COPY oidc_server oidc_server
COPY migrations migrations
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && pip --python /opt/oidc-server/bin/python install --no-deps --no-index dist/*.whl


FROM python:${PYTHON_VERSION}-slim
LABEL org.opencontainers.image.title="oidc-server" \
      org.opencontainers.image.description="OAuth 2.0 and OpenID Connect authorization server" \
      org.opencontainers.image.licenses="Apache-2.0"

# State that outlives a container, such as the directory key store, is mounted here. Everything else is read only, but
# for /tmp, which may be a tmpfs.
RUN install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/oidc-server
COPY --from=build /opt/oidc-server /opt/oidc-server

ENV PATH=/opt/oidc-server/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OIDC_KEY_DIRECTORY=/var/lib/oidc-server/keys

WORKDIR /var/lib/oidc-server
USER 10001:10001
EXPOSE 8000

# No proxy from the environment may stand between the check and this very container.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:8000/health/live', timeout=3)"]

CMD ["oidc-server", "serve", "--bind", "0.0.0.0:8000"]
