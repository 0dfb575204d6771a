//! The document that describes Parta's own API (`OpenAPI` 3.1).

use std::sync::LazyLock;

use axum::response::Response;
use http::StatusCode;
use utoipa::{
    Modify, OpenApi as _,
    openapi::{
        OpenApi, Ref, RefOr,
        content::ContentBuilder,
        path::Operation,
        response::{Response as Answer, ResponseBuilder},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{feedback, problem::Problem};
use crate::{admin::feedback as admin, error};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Parta",
        description = "What Parta's server does besides Matrix. The access token is the one of the Matrix API. The \
                       endpoints under /_parta/admin are for administrators."
    ),
    paths(
        feedback::own,
        feedback::send,
        feedback::attach,
        feedback::one,
        feedback::read,
        admin::list,
        admin::counts,
        admin::export,
        admin::report,
        admin::change,
        admin::remove,
        admin::answer,
        admin::attachment,
    ),
    components(schemas(Problem)),
    modifiers(&Common),
    security(("access_token" = [])),
)]
struct Document;

/// What all endpoints have: how one signs in, and what an error looks like.
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("access_token", SecurityScheme::Http(bearer));
        for item in document.paths.paths.values_mut() {
            let operations = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
            for operation in operations.into_iter().flatten() {
                add_problem(operation);
            }
        }
    }
}

fn add_problem(operation: &mut Operation) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let problem: Answer =
        ResponseBuilder::new().description("It was not done").content("application/problem+json", content).build();
    operation.responses.responses.insert("default".to_owned(), RefOr::T(problem));
}

/// `GET /_parta/openapi.json`
pub(super) async fn document() -> Response {
    static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(Document::openapi);
    error::json(StatusCode::OK, &*DOCUMENT)
}
