// Asks by openapi-fetch with types that openapi-typescript generated. What is wrong must not compile.

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.d.ts";

declare const process: { argv: string[] };
const [, , baseUrl, questions] = process.argv;
const asked: {
  flowers: components["schemas"]["iris.1.Instance"][];
  students: components["schemas"]["students.1.Columns"];
  picture: string;
} = JSON.parse(questions!);
const client = createClient<paths, "application/json">({ baseUrl: baseUrl! });

const iris = await client.POST("/v1/models/iris:predict", {
  params: { query: { probabilities: true } },
  body: { instances: asked.flowers },
});
if (iris.error) throw new Error(iris.error.error);
const species: ("setosa" | "versicolor" | "virginica" | null)[] = iris.data.predictions ?? [];

const students = await client.POST("/v1/models/students/versions/1:predict", {
  body: { inputs: asked.students },
});
if (students.error) throw new Error(students.error.error);
const grades: (number | null)[] = students.data.outputs ?? [];

const digits = await client.POST("/v1/models/digits:predict", {
  body: { instance: { b64: asked.picture } },
});
const row = await client.POST("/v1/models/iris/versions/1:predict", {
  body: { instance: [5.1, 3.5, 1.4, 0.2] },
});
const refused = await client.POST("/v1/models/students:predict", {
  body: { instances: [] },
});
const code: string | undefined = refused.error?.code;

export function wrong(): void {
  const flower = asked.flowers[0]!;
  // @ts-expect-error a text for a number, in a call
  client.POST("/v1/models/iris:predict", { body: { instance: { ...flower, sepal_length: "5" } } });
  // @ts-expect-error a column by another name, in a call
  client.POST("/v1/models/iris:predict", { body: { instance: { sepal: 5, sepal_width: 3, petal_length: 1, petal_width: 0.2 } } });
  // @ts-expect-error a column too few; openapi-fetch's calls make arrays of tuples, and see it not
  const short: components["schemas"]["iris.1.Request"] = { instance: [5.1, 3.5, 1.4] };
  // @ts-expect-error a text for a number in a row
  client.POST("/v1/models/iris:predict", { body: { instance: [5.1, 3.5, 1.4, "0.2"] } });
  // @ts-expect-error a category that the model has not seen
  const education: components["schemas"]["students.1.Instance"]["mother_education"] = "Doktor";
  // @ts-expect-error a model that is not served
  client.POST("/v1/models/tulip:predict", { body: { instance: [5.1, 3.5, 1.4, 0.2] } });
  // @ts-expect-error a class that the model does not have
  const never: boolean = species[0] === "tulip";
  void [short, education, never];
}

console.log(
  JSON.stringify({
    species,
    chances: iris.data.probabilities,
    grades,
    digit: digits.data?.prediction,
    row: row.data?.prediction,
    refused: [refused.response.status, code],
  }),
);
