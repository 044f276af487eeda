# The image of init containers and of the coderun template: the program as one static file, git, ssh, CA certificates.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --build-arg RUNNABLE_IMAGE=NAME:TAG --tag NAME:TAG --push .

FROM rust:1.95-alpine AS build
RUN apk add --no-cache cmake linux-headers make musl-dev perl
WORKDIR /src
COPY . .
# The name under which the image is pushed: a program that knows it needs no --image.
ARG RUNNABLE_IMAGE
ENV RUNNABLE_IMAGE=${RUNNABLE_IMAGE}
# On Alpine the target is musl, and what is built for it is static.
RUN cargo build --release --locked && strip target/release/kubectl-runnable

FROM alpine:3.22
RUN apk add --no-cache ca-certificates git openssh-client-default \
 && adduser -D -u 65532 -h /tmp runnable \
 && install -d -m 0777 /work
COPY --from=build /src/target/release/kubectl-runnable /usr/local/bin/kubectl-runnable
COPY LICENSE /usr/share/licenses/kubectl-runnable/LICENSE
USER 65532:65532
ENTRYPOINT ["kubectl-runnable"]
